import { closeSync, existsSync, fdatasyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../atomic-file.js';
import { decodeRecords, encodeRecord, type SpoolRecord } from './record.js';

export interface SpoolOptions {
  directory: string;
  /** The time as far as it is known, in milliseconds since 1970. */
  now: () => number;
  /** Bytes on the disk at most. */
  maxBytes?: number;
  /** Milliseconds after which nobody wants to know any more. */
  maxAge?: number;
  /** Bytes of a file, after which the next one begins. */
  segmentBytes?: number;
}

/** What was kept first, and goes out together. */
export interface Batch {
  segment: number;
  records: SpoolRecord[];
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_AGE = 7 * 24 * 60 * 60 * 1000;
const SEGMENT_BYTES = 64 * 1024;
const NAME = /^(\d{12})\.log$/;

/**
 * What could not be sent, on the disk, in the order in which it was kept. It is made of files that are only appended to, and removed as a whole:
 * when all of it was sent, or when there is too much, the oldest first. Each record is on the disk before `append` returns; a process that is
 * killed in the middle of one leaves a torn record, which is left out.
 */
export class Spool {
  readonly #segments = new Map<number, number>();
  #open: { segment: number; file: number } | undefined;
  #dropped = 0;

  constructor(private readonly options: SpoolOptions) {
    // It is made for the first that is kept: an agent starts on a disk that is full as well.
    const found = (existsSync(options.directory) ? readdirSync(options.directory) : []).flatMap((name) => NAME.exec(name)?.[1] ?? []);
    for (const segment of found.map(Number).sort((a, b) => a - b)) this.#segments.set(segment, statSync(this.pathOf(segment)).size);
  }

  get isEmpty(): boolean {
    return this.#segments.size === 0;
  }

  get bytes(): number {
    return [...this.#segments.values()].reduce((sum, size) => sum + size, 0);
  }

  /** How many records were given up since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Keeps something; when there is too much by then, the oldest is dropped.
   * @throws Error of the file system when there is no room on the disk, or it cannot be written
   */
  append(content: Buffer): void {
    const bytes = encodeRecord({ at: this.options.now(), content });
    const { segment, file } = this.#open ?? this.begin();
    this.#segments.set(segment, this.#segments.get(segment)! + bytes.length);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
      fdatasyncSync(file);
    } catch (error) {
      // Nothing may come after what was half written.
      this.end();
      this.#dropped += 1;
      throw error;
    }
    if (this.#segments.get(segment)! >= (this.options.segmentBytes ?? SEGMENT_BYTES)) this.end();
    this.makeRoom();
  }

  /** What is to be sent first; undefined when there is nothing. What is too old by now is left out. */
  oldest(): Batch | undefined {
    const { maxAge = MAX_AGE, now } = this.options;
    for (const segment of this.#segments.keys()) {
      if (segment === this.#open?.segment) this.end();
      const all = this.recordsOf(segment);
      const records = all.filter(({ at }) => now() - at <= maxAge);
      this.#dropped += all.length - records.length;
      if (records.length > 0) return { segment, records };
      this.remove(segment);
    }
    return undefined;
  }

  /** It was sent. */
  remove(segment: number): void {
    rmSync(this.pathOf(segment), { force: true });
    this.#segments.delete(segment);
  }

  /** Counts records that nobody takes. */
  giveUp(records: number): void {
    this.#dropped += records;
  }

  close(): void {
    this.end();
  }

  /** A new file each time: the last one of a process that was killed may end in the middle of a record. */
  private begin(): { segment: number; file: number } {
    const segment = ([...this.#segments.keys()].at(-1) ?? 0) + 1;
    mkdirSync(this.options.directory, { recursive: true, mode: 0o700 });
    const file = openSync(this.pathOf(segment), 'wx', 0o600);
    syncDirectory(this.options.directory);
    this.#segments.set(segment, 0);
    return (this.#open = { segment, file });
  }

  private end(): void {
    if (this.#open === undefined) return;
    closeSync(this.#open.file);
    this.#open = undefined;
  }

  private makeRoom(): void {
    const { maxBytes = MAX_BYTES } = this.options;
    for (const segment of this.#segments.keys()) {
      if (this.bytes <= maxBytes || this.#segments.size === 1) return;
      this.#dropped += this.recordsOf(segment).length;
      this.remove(segment);
    }
  }

  private recordsOf(segment: number): SpoolRecord[] {
    return decodeRecords(readFileSync(this.pathOf(segment)));
  }

  private pathOf(segment: number): string {
    return join(this.options.directory, `${String(segment).padStart(12, '0')}.log`);
  }
}
