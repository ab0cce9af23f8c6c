import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { DomainError } from '#libs/kernel';
import { type BundleEntry, packBundle } from './archive.js';

const mtime = new Date('2026-03-04T05:06:07Z');
const file = (path: string, content: string | Buffer = 'x'): BundleEntry => ({ path, mode: 0o644, content });
const pack = (entries: readonly BundleEntry[], topFolder = 'top'): Readable => packBundle(topFolder, entries, { mtime });

describe('an archive', () => {
  const entries: BundleEntry[] = [
    { path: 'keys/server-key.pem', mode: 0o600, content: 'secret\n' },
    { path: 'run.sh', mode: 0o755, content: '#!/bin/sh\n' },
    { path: 'docs/names with spaces/x.txt', mode: 0o644, content: 'naïve 😀' },
    { path: 'block.bin', mode: 0o644, content: Buffer.alloc(512, 7) },
    { path: 'empty', mode: 0o644, content: '' },
  ];

  describe('unpacked by tar', () => {
    const dir = mkdtempSync(join(tmpdir(), 'bundle-archive-'));
    afterAll(() => rmSync(dir, { recursive: true }));

    it('gives back each file with its content, mode and time, in the top folder', async () => {
      execFileSync('tar', ['-xzpf', '-', '-C', dir], { input: await buffer(pack(entries)) });
      for (const { path, mode, content } of entries) {
        const unpacked = join(dir, 'top', path);
        expect(readFileSync(unpacked).equals(Buffer.from(content))).toBe(true);
        expect(statSync(unpacked).mode & 0o777).toBe(mode);
        expect(statSync(unpacked).mtime).toEqual(mtime);
      }
    });

    it('belongs to number 0 and names nobody', async () => {
      const listing = execFileSync('tar', ['-tvzf', '-', '--numeric-owner'], { input: await buffer(pack(entries)), encoding: 'utf8' });
      expect(listing.trim().split('\n')).toHaveLength(entries.length);
      for (const line of listing.trim().split('\n')) expect(line).toMatch(/^-\S+ 0\/0 /);
      const named = execFileSync('tar', ['-tvzf', '-'], { input: await buffer(pack(entries)), encoding: 'utf8' });
      for (const line of named.trim().split('\n')) expect(line).toMatch(/^-\S+ 0\/0 /);
    });
  });

  describe('packed twice', () => {
    it('is the same, byte for byte', async () => {
      const [first, second] = await Promise.all([buffer(pack(entries)), buffer(pack(entries))]);
      expect(first.equals(second)).toBe(true);
    });

    it('says neither when nor by whom it was compressed', async () => {
      const archive = await buffer(pack(entries));
      // RFC 1952, section 2.3: flags, then four bytes of time.
      expect(archive.subarray(3, 8)).toEqual(Buffer.alloc(5));
    });
  });

  describe('of more than fits in memory at once', () => {
    // 200 files of 1 MiB that cannot be compressed: a reader that stops keeps them from being packed.
    const noise = Array.from({ length: 8 }, (_, seed) => Buffer.concat(Array.from({ length: 32768 }, (_, i) => createHash('sha256').update(`${seed} ${i}`).digest())));

    it('is made only as fast as it is read', async () => {
      let packed = 0;
      const counted = Array.from({ length: 200 }, (_, i) => {
        const entry = { path: `${i}`, mode: 0o644 as const, content: noise[i % noise.length]! };
        let reads = 0;
        return Object.defineProperty(entry, 'content', {
          get: () => {
            // The size is read first, for the header; the body when its turn comes.
            if (++reads === 2) packed++;
            return noise[i % noise.length]!;
          },
        });
      });
      const stream = pack(counted);
      await new Promise((resolve) => stream.once('readable', resolve));
      stream.read(1);
      await settled(() => packed);
      expect(packed).toBeGreaterThan(0);
      expect(packed).toBeLessThan(20);
      stream.destroy();
    });

    it('stops for good when its reader goes away', async () => {
      const stream = pack(noise.map((content, i) => file(`${i}`, content)));
      stream.destroy();
      await new Promise((resolve) => stream.once('close', resolve));
      expect(stream.readableEnded).toBe(false);
    });
  });

  describe('whose entries are dangerous', () => {
    it.each([
      ['an absolute path', [file('/etc/passwd')]],
      ['a path that leads out', [file('a/../../b')]],
      ['the folder itself', [file('.')]],
      ['an empty path', [file('')]],
      ['an empty part', [file('a//b')]],
      ['a backslash', [file('a\\b')]],
      ['a newline', [file('a\nb')]],
      ['a name twice', [file('a'), file('b'), file('a')]],
      ['a file that is a folder too', [file('a'), file('a/b')]],
      ['a name beyond ASCII, which ustar does not define', [file('ü')]],
      ['a name longer than ustar can hold', [file('n'.repeat(101))]],
    ])('is refused before its first byte: %s', (_, dangerous) => {
      expect(() => pack(dangerous)).toThrow(DomainError);
      expect(() => pack(dangerous)).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
    });

    it.each(['../top', '..', '', 'a/b'])('is refused in the top folder %j', (topFolder) => {
      expect(() => pack([file('a')], topFolder)).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
    });
  });

  it('ends in two blocks of zeros', async () => {
    const tar = gunzipSync(await buffer(pack(entries)));
    expect(tar.length % 512).toBe(0);
    expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });
});

/** Resolves when the number has not changed for twenty turns of the event loop's timers. */
async function settled(number: () => number): Promise<void> {
  for (let calm = 0, last = number(); calm < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    calm = number() === last ? calm + 1 : 0;
    last = number();
  }
}
