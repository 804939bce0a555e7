"""The key generation of ML-DSA (FIPS 204, algorithm 6), for the expanded form of a private key.

No Python library exports that form. Slow and open to every side channel: keys of tests alone.
"""

import hashlib

Q = 8380417
N = 256
D = 13
# k, l and eta by parameter set (FIPS 204, table 1).
PARAMETERS = {"mldsa44": (4, 4, 2), "mldsa65": (6, 5, 4), "mldsa87": (8, 7, 2)}

ZETAS = [pow(1753, int(f"{number:08b}"[::-1], 2), Q) for number in range(N)]


def expand(kind: str, seed: bytes) -> tuple[bytes, bytes]:
    """Returns the public and the private key of a seed (algorithm 6)."""
    k, l, eta = PARAMETERS[kind]
    stream = hashlib.shake_256(seed + bytes([k, l])).digest(128)
    rho, noise, key = stream[:32], stream[32:96], stream[96:]
    secrets = [bounded(noise + number.to_bytes(2, "little"), eta) for number in range(k + l)]
    s1, s2 = secrets[:l], secrets[l:]
    s1_hat = [ntt(polynomial) for polynomial in s1]
    t0, t1 = [], []
    for row in range(k):
        total = [0] * N
        for column in range(l):
            entry = uniform(rho + bytes([column, row]))
            product = zip(total, entry, s1_hat[column], strict=True)
            total = [(sum_ + a * b) % Q for sum_, a, b in product]
        t = [(a + b) % Q for a, b in zip(inverse_ntt(total), s2[row], strict=True)]
        low = [centred(value) for value in t]
        t0.append(low)
        t1.append([(value - rest) >> D for value, rest in zip(t, low, strict=True)])
    public = rho + b"".join(pack(polynomial, 10) for polynomial in t1)
    digest = hashlib.shake_256(public).digest(64)
    width = (2 * eta).bit_length()
    private = rho + key + digest
    for polynomial in s1 + s2:
        private += pack([eta - value for value in polynomial], width)
    for polynomial in t0:
        private += pack([(1 << (D - 1)) - value for value in polynomial], D)
    return public, private


def uniform(seed: bytes) -> list[int]:
    """RejNTTPoly (algorithm 30)."""
    stream = hashlib.shake_128(seed).digest(3 * 1024)
    found = []
    for at in range(0, len(stream), 3):
        value = int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF
        if value < Q:
            found.append(value)
        if len(found) == N:
            return found
    raise AssertionError("a stream that long always suffices")


def bounded(seed: bytes, eta: int) -> list[int]:
    """RejBoundedPoly (algorithm 31)."""
    found = []
    for octet in hashlib.shake_256(seed).digest(1024):
        for half in (octet & 15, octet >> 4):
            if eta == 2 and half < 15:
                found.append(2 - half % 5)
            elif eta == 4 and half < 9:
                found.append(4 - half)
    assert len(found) >= N
    return found[:N]


def ntt(polynomial: list[int]) -> list[int]:
    """Algorithm 41."""
    w, m, length = [value % Q for value in polynomial], 0, 128
    while length >= 1:
        for start in range(0, N, 2 * length):
            m += 1
            for at in range(start, start + length):
                t = ZETAS[m] * w[at + length] % Q
                w[at], w[at + length] = (w[at] + t) % Q, (w[at] - t) % Q
        length //= 2
    return w


def inverse_ntt(polynomial: list[int]) -> list[int]:
    """Algorithm 42."""
    w, m, length = list(polynomial), N, 1
    while length < N:
        for start in range(0, N, 2 * length):
            m -= 1
            for at in range(start, start + length):
                t = w[at]
                w[at] = (t + w[at + length]) % Q
                w[at + length] = -ZETAS[m] * (t - w[at + length]) % Q
        length *= 2
    factor = pow(N, -1, Q)
    return [value * factor % Q for value in w]


def centred(value: int) -> int:
    """Returns the low part of Power2Round (algorithm 35), in (-2^12, 2^12]."""
    low = value % (1 << D)
    return low - (1 << D) if low > 1 << (D - 1) else low


def pack(values: list[int], width: int) -> bytes:
    """SimpleBitPack (algorithm 16)."""
    number = sum(value << (at * width) for at, value in enumerate(values))
    return number.to_bytes(N * width // 8, "little")
