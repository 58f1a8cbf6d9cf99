"""An access server of the tests, made of pyrad."""

import asyncio

from pyrad import packet as radius

from sixfold.identity.aaa.packets import dictionary

KNOWN = dictionary()


class Nas(asyncio.DatagramProtocol):
    """An access server of the test: sends requests, and ends sessions when it is asked to."""

    def __init__(self, secret):
        self._secret = secret.encode()
        self.replies = asyncio.Queue()
        self.asked = asyncio.Queue()
        self.obeys = True

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        if data[0] != radius.DisconnectRequest:
            self.replies.put_nowait(data)
            return
        made = radius.CoAPacket(packet=data, secret=self._secret, dict=KNOWN)
        assert made.VerifyCoARequest()
        assert made.verify_message_authenticator()
        reply = made.CreateReply()
        reply.code = radius.DisconnectACK if self.obeys else radius.DisconnectNAK
        self.transport.sendto(reply.ReplyPacket(), addr)
        self.asked.put_nowait(made["Acct-Session-Id"][0])

    async def ask(self, made, port):
        data = made if isinstance(made, bytes) else made.RequestPacket()
        self.transport.sendto(data, ("127.0.0.1", port))
        async with asyncio.timeout(30):
            reply = await self.replies.get()
        if not isinstance(made, bytes):
            answer = made.CreateReply(packet=reply)
            assert made.VerifyReply(answer, reply, enforce_ma=made.code == radius.AccessRequest)
            return answer
        return reply
