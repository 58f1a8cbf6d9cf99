"""CredentialService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from typing import Any

from sixfold.api.identity.v1 import credential_pb2 as pb
from sixfold.api.identity.v1 import credential_pb2_grpc
from sixfold.chassis.rpc import PermissionDenied, ResourceExhausted, RpcError
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.credentials.limits import TooManyError
from sixfold.identity.domain.credential import HOLD, Certificate, Credentials
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.ports import Clock
from sixfold.identity.servicer import refusal, timestamp


def credential_refusal(error: RefusedError) -> RpcError:
    if isinstance(error, TooManyError):
        return ResourceExhausted(error.detail, reason=error.reason)
    if error.kind == "forbidden":
        return PermissionDenied(error.detail, reason=error.reason)
    return refusal(error)


class CredentialServicer(credential_pb2_grpc.CredentialServiceServicer):
    def __init__(self, desk: CredentialDesk, clock: Clock = utc_milliseconds) -> None:
        self._desk = desk
        self._clock = clock

    async def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: Any
    ) -> pb.ListCertificatesResponse:
        try:
            found = self._desk.certificates(request.terminal)
        except RefusedError as error:
            raise credential_refusal(error) from error
        return pb.ListCertificatesResponse(certificates=[self._message(one) for one in found])

    async def RevokeCertificate(
        self, request: pb.RevokeCertificateRequest, context: Any
    ) -> pb.RevokeCertificateResponse:
        try:
            revoked = await self._desk.revoke(request.serial, request.reason)
        except RefusedError as error:
            raise credential_refusal(error) from error
        return pb.RevokeCertificateResponse(certificate=self._message(revoked))

    async def SetCpeSecret(self, request: pb.SetCpeSecretRequest, context: Any) -> pb.SetCpeSecretResponse:
        try:
            return pb.SetCpeSecretResponse(
                drawn_secret=await self._desk.set_secret(request.terminal, request.secret)
            )
        except RefusedError as error:
            raise credential_refusal(error) from error

    async def VerifyCpeSecret(
        self, request: pb.VerifyCpeSecretRequest, context: Any
    ) -> pb.VerifyCpeSecretResponse:
        try:
            return pb.VerifyCpeSecretResponse(
                verified=await self._desk.verify_secret(request.terminal, request.secret)
            )
        except RefusedError as error:
            raise credential_refusal(error) from error

    async def IssueEnrolmentToken(
        self, request: pb.IssueEnrolmentTokenRequest, context: Any
    ) -> pb.IssueEnrolmentTokenResponse:
        try:
            token, expires = await self._desk.make_token(request.terminal, request.valid_seconds)
        except RefusedError as error:
            raise credential_refusal(error) from error
        return pb.IssueEnrolmentTokenResponse(token=token, expires=timestamp(expires))

    def _message(self, one: Certificate) -> pb.Certificate:
        credentials = self._desk.registry.credentials
        revocation = credentials.revoked.get(one.serial)
        return pb.Certificate(
            serial=one.serial,
            terminal=one.terminal,
            status=_status(credentials, one, self._clock()),
            not_before=timestamp(one.not_before),
            not_after=timestamp(one.not_after),
            reason=revocation.reason if revocation is not None else "",
            key_hash=one.key_hash,
        )


def _status(credentials: Credentials, one: Certificate, now: int) -> pb.CertificateStatus:
    revocation = credentials.revoked.get(one.serial)
    if revocation is not None and revocation.reason != HOLD:
        return pb.CERTIFICATE_STATUS_REVOKED
    if one.not_after <= now:
        return pb.CERTIFICATE_STATUS_EXPIRED
    return pb.CERTIFICATE_STATUS_VALID if revocation is None else pb.CERTIFICATE_STATUS_ON_HOLD
