import { Readable, pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { DomainError } from '#libs/kernel';
import { Header } from 'tar';

/** One file of a bundle. */
export interface BundleEntry {
  /** Relative to the bundle's top folder, with forward slashes. */
  path: string;
  mode: 0o600 | 0o644 | 0o755;
  content: string | Buffer;
}

const BLOCK_BYTES = 512;
/** An archive ends in two blocks of zeros (POSIX.1-2017, pax, "ustar Interchange Format"). */
const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK_BYTES);
/** What goes to gzip in one piece; each piece is a trip to the thread pool and back. */
const CHUNK_BYTES = 64 * 1024;
/** Of a bundle of 57 KB, level 3 makes 23.8 KB in 0.59 ms; the default 6 makes 22.9 KB in 0.94 ms, and 1 makes 24.3 KB in 0.53 ms. */
const GZIP_LEVEL = 3;

const CONTROL_CHARACTERS = /[\p{Cc}\p{Cs}]/u;

/**
 * A tar.gz (ustar, RFC 1952) of regular files in one top folder, made as it is read: a reader that pauses stops it, and neither the archive
 * nor a temporary file of it ever exists. Owner and group are 0, no names. The same arguments give the same bytes, with one build of zlib.
 *
 * @param topFolder the one folder that everything is in; no slash
 * @param entries in the order in which they are to stand in the archive
 * @param mtime of every file; whole seconds
 * @throws DomainError `bundle_invalid`, before the first byte, when a path is absolute, leads out of the top folder, appears twice, is
 * taken for a folder by another one, has control characters, or is longer than a ustar header has room for or not ASCII.
 */
export function packBundle(topFolder: string, entries: readonly BundleEntry[], { mtime }: { mtime: Date }): Readable {
  if (topFolder.includes('/')) throw invalid(topFolder, 'the top folder is one name');
  const headers = entries.map((entry) => header(`${topFolder}/${entry.path}`, entry, mtime));
  assertDistinct(entries.map(({ path }) => path));
  const gzip = createGzip({ level: GZIP_LEVEL });
  // An error of either stream destroys both; the reader sees it on the one returned.
  pipeline(Readable.from(chunks(headers, entries)), gzip, () => undefined);
  return gzip;
}

function* chunks(headers: readonly Buffer[], entries: readonly BundleEntry[]): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    const body = Buffer.from(entry.content);
    const padding = Buffer.alloc(-body.length & (BLOCK_BYTES - 1));
    waiting.push(headers[index]!, body, padding);
    bytes += BLOCK_BYTES + body.length + padding.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  yield Buffer.concat([...waiting, END_OF_ARCHIVE]);
}

function header(path: string, entry: BundleEntry, mtime: Date): Buffer {
  assertPath(path);
  const size = Buffer.byteLength(entry.content);
  const block = Buffer.alloc(BLOCK_BYTES);
  const ustar = new Header({ path, mode: entry.mode, uid: 0, gid: 0, size, mtime, type: 'File' });
  // True when a value needs an extended header; those are not written here.
  if (ustar.encode(block)) throw invalid(path, 'its path is too long or not ASCII, or it is too large, for a ustar header');
  return block;
}

function assertPath(path: string): void {
  if (CONTROL_CHARACTERS.test(path)) throw invalid(path, 'a path has no control characters');
  if (path.includes('\\')) throw invalid(path, 'folders are separated by forward slashes');
  if (path.split('/').some((name) => name === '' || name === '.' || name === '..')) {
    throw invalid(path, 'a path is relative and has no empty, "." or ".." parts');
  }
}

function assertDistinct(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path)) throw invalid(path, 'it is there twice');
    seen.add(path);
  }
  const folders = paths.flatMap((path) => path.split('/').slice(0, -1).map((_, depth, names) => names.slice(0, depth + 1).join('/')));
  const both = folders.find((folder) => seen.has(folder));
  if (both !== undefined) throw invalid(both, 'it is a file and a folder');
}

const invalid = (path: string, why: string): DomainError =>
  new DomainError('bundle_invalid', `A bundle cannot hold ${JSON.stringify(path)}: ${why}.`);
