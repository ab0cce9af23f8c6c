import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRecords, encodeRecord } from './record.js';
import { Spool, type SpoolOptions } from './spool.js';

const directories: string[] = [];
afterAll(() => directories.forEach((directory) => rmSync(directory, { recursive: true })));

let directory: string;
let now = 1_000;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
  directories.push(directory);
  now = 1_000;
});

const open = (more: Partial<SpoolOptions> = {}) => new Spool({ directory, now: () => now, ...more });
const fill = (spool: Spool, ...texts: string[]) => texts.forEach((text) => spool.append(Buffer.from(text)));
const files = () => readdirSync(directory).sort();

/** All that is kept, in order, as it is sent: it is gone after that. */
function drained(spool: Spool): string[] {
  const texts: string[] = [];
  for (let batch = spool.oldest(); batch !== undefined; batch = spool.oldest()) {
    texts.push(...batch.records.map(({ content }) => content.toString()));
    spool.remove(batch.segment);
  }
  return texts;
}

describe('what was kept', () => {
  it('comes in the order in which it was kept, with its time, over as many files as it takes', () => {
    const spool = open({ segmentBytes: 40 });
    const texts = Array.from({ length: 20 }, (_, n) => `report ${n}`);
    fill(spool, ...texts);
    expect(files().length).toBeGreaterThan(5);
    expect(spool.oldest()!.records[0]).toEqual({ at: 1_000, content: Buffer.from('report 0') });
    expect(drained(spool)).toEqual(texts);
    expect([spool.isEmpty, spool.bytes, files()]).toEqual([true, 0, []]);
  });

  it('stays until it was sent, and is there after the process was killed', () => {
    fill(open({ segmentBytes: 40 }), 'a', 'b', 'c', 'd');
    const next = open();
    next.oldest();
    fill(next, 'e');
    expect(drained(open())).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('may be added to while it is sent', () => {
    const spool = open();
    fill(spool, 'a');
    const batch = spool.oldest()!;
    fill(spool, 'b');
    spool.remove(batch.segment);
    expect(drained(spool)).toEqual(['b']);
  });

  it.each([1, 8, 17])('is without the last when %s bytes of that are missing', (missing) => {
    fill(open(), 'a', 'b', 'c');
    const file = join(directory, files()[0]!);
    truncateSync(file, readFileSync(file).length - missing);
    const next = open();
    fill(next, 'd');
    expect(drained(next)).toEqual(['a', 'b', 'd']);
  });

  it('is without what is damaged, and what comes after it in the same file', () => {
    fill(open(), 'a', 'b', 'c');
    const file = join(directory, files()[0]!);
    const bytes = readFileSync(file);
    bytes[17 + 16] = 'x'.charCodeAt(0);
    writeFileSync(file, bytes);
    expect(drained(open())).toEqual(['a']);
  });

  it('is nothing where a file holds nothing whole', () => {
    appendFileSync(join(directory, '000000000001.log'), Buffer.alloc(5));
    appendFileSync(join(directory, 'unknown.txt'), 'x');
    const spool = open();
    expect([drained(spool), spool.dropped, files()]).toEqual([[], 0, ['unknown.txt']]);
  });
});

describe('when there is too much', () => {
  it('drops the oldest, and counts it; the newest stays', () => {
    const spool = open({ segmentBytes: 40, maxBytes: 200 });
    const texts = Array.from({ length: 50 }, (_, n) => `report ${n}`);
    for (const text of texts) {
      fill(spool, text);
      expect(spool.bytes).toBeLessThanOrEqual(240);
    }
    const dropped = spool.dropped;
    const kept = drained(spool);
    expect(dropped).toBe(50 - kept.length);
    expect(kept).toEqual(texts.slice(dropped));
    expect(kept.at(-1)).toBe('report 49');
  });

  it('keeps the newest even when that alone is too large', () => {
    const spool = open({ maxBytes: 10 });
    fill(spool, 'small', 'x'.repeat(100));
    expect(drained(spool)).toContain('x'.repeat(100));
  });

  it('leaves out what is too old, and counts it', () => {
    const spool = open({ maxAge: 500, segmentBytes: 30 });
    fill(spool, 'a', 'b');
    now = 1_501;
    fill(spool, 'c');
    expect([drained(spool), spool.dropped]).toEqual([['c'], 2]);
  });
});

describe('a record', () => {
  it('is read as it was written, whatever it holds', () => {
    const records = ['', '\0\n', 'a"b $(touch x) `id` %n 🏭'].map((text, n) => ({ at: 1_000.5 + n, content: Buffer.from(text) }));
    expect(decodeRecords(Buffer.concat(records.map(encodeRecord)))).toEqual(records);
  });
});
