import { crc32 } from 'node:zlib';

/** Something that was kept, and when. */
export interface SpoolRecord {
  /** Milliseconds since 1970. */
  at: number;
  content: Buffer;
}

/** Length of the content (4 bytes), CRC-32 of what follows (4 bytes), time (8 bytes), all big-endian; then the content. */
const HEADER = 16;

export function encodeRecord({ at, content }: SpoolRecord): Buffer {
  const bytes = Buffer.alloc(HEADER + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.writeDoubleBE(at, 8);
  content.copy(bytes, HEADER);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** The records of a file up to the first that is not whole: what was being written when the machine stopped, or was damaged. */
export function decodeRecords(bytes: Buffer): SpoolRecord[] {
  const records: SpoolRecord[] = [];
  for (let offset = 0; offset + HEADER <= bytes.length; ) {
    const end = offset + HEADER + bytes.readUInt32BE(offset);
    if (end > bytes.length || crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32BE(offset + 4)) break;
    records.push({ at: bytes.readDoubleBE(offset + 8), content: bytes.subarray(offset + HEADER, end) });
    offset = end;
  }
  return records;
}
