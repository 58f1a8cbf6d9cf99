"""AES in a page (FIPS 197), forwards only, so that FF1 is tested with its standard's own vectors."""


def _double(byte):
    return (byte << 1 ^ 0x11B if byte & 0x80 else byte << 1) & 0xFF


def _sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= _double(p)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for shift in range(1, 5):
            turned ^= (q << shift | q >> (8 - shift)) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            return box


_BOX = _sbox()


def aes(key):
    """The block function of a key of 16, 24 or 32 bytes."""
    words = [list(key[at : at + 4]) for at in range(0, len(key), 4)]
    size = len(words)
    constant = 1
    for number in range(size, 4 * (size + 7)):
        word = list(words[-1])
        if number % size == 0:
            word = [_BOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _double(constant)
        elif size > 6 and number % size == 4:
            word = [_BOX[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[-size], word, strict=True)])
    keys = [[byte for word in words[at : at + 4] for byte in word] for at in range(0, len(words), 4)]

    def block(data):
        state = [a ^ b for a, b in zip(data, keys[0], strict=True)]
        for number, round_key in enumerate(keys[1:], 1):
            state = [_BOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
            if number < len(keys) - 1:
                for column in range(0, 16, 4):
                    a = state[column : column + 4]
                    every = a[0] ^ a[1] ^ a[2] ^ a[3]
                    for at in range(4):
                        state[column + at] = a[at] ^ every ^ _double(a[at] ^ a[(at + 1) % 4])
            state = [a ^ b for a, b in zip(state, round_key, strict=True)]
        return bytes(state)

    return block
