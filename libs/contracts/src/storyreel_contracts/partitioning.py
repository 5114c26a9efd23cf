"""Which partition a film's records live in: murmur2 of the key, as Java's and aiokafka's default partitioners do.

librdkafka's default differs (CRC32): its users set `partitioner=murmur2_random`.
"""

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (seed 0x9747b28c) as an unsigned integer."""
    h = (0x9747B28C ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(film_id: str, partitions: int) -> int:
    """Partition (0-based) that the records of `film_id` are written to."""
    return (murmur2(film_id.encode()) & 0x7FFFFFFF) % partitions
