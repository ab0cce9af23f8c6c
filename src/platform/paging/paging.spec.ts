import { type Clock, newId, systemRandom } from '#libs/kernel';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { decodeCursor, encodeCursor } from './cursor.js';
import { after, pageOf } from './page.js';
import { PageQuery } from './page-query.dto.js';

let millisecond = 0;
const clock: Clock = { now: () => new Date(1_800_000_000_000 + millisecond++) };
const newestFirst = Array.from({ length: 7 }, () => ({ id: newId(clock, systemRandom) })).reverse();

/** What a database does with the condition and the order. */
function fetch(query: PageQuery) {
  const before = after(query).id?.$lt;
  return newestFirst.filter(({ id }) => before === undefined || id < before).slice(0, query.limit + 1);
}

const query = (plain: object) => plainToInstance(PageQuery, plain);
const brokenFields = async (plain: object) => (await validate(query(plain))).map(({ property }) => property);

describe('a list', () => {
  it.each([1, 2, 3, 6, 7, 8])('read in pages of %d gives each item once, newest first', (limit) => {
    const seen: { id: string }[] = [];
    let cursor: string | null | undefined;
    let pages = 0;
    while (cursor !== null) {
      const page = pageOf(fetch(query({ limit: `${limit}`, ...(cursor && { cursor }) })), limit);
      expect(page.data.length).toBeGreaterThan(0);
      seen.push(...page.data);
      cursor = page.next_cursor;
      pages++;
    }
    expect(seen).toEqual(newestFirst);
    expect(pages).toBe(Math.ceil(newestFirst.length / limit));
  });

  it('that is empty has one empty page', () => {
    expect(pageOf([], 50)).toEqual({ data: [], next_cursor: null });
  });
});

describe('a page query', () => {
  it('asks for 50 items from the start by default', () => {
    expect({ ...query({}) }).toMatchObject({ limit: 50 });
    expect(after(query({}))).toEqual({});
  });

  it.each(['1', '50', '200'])('takes a limit of %s', async (limit) => {
    expect(await brokenFields({ limit })).toEqual([]);
  });

  it.each(['0', '201', '-1', '1.5', '1e2', '0x10', 'ten', '', ' 7', ['1', '2']])('refuses a limit of %j', async (limit) => {
    expect(await brokenFields({ limit })).toEqual(['limit']);
  });

  it('takes a cursor of an earlier page', async () => {
    expect(await brokenFields({ cursor: encodeCursor(newestFirst[0]!.id) })).toEqual([]);
  });

  const cursor = encodeCursor('01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f');
  it.each([
    '',
    'nonsense',
    `${cursor}=`,
    `${cursor}A`,
    cursor.slice(1),
    Buffer.from('["1"]').toString('base64url'),
    Buffer.from('{"id":"01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"}').toString('base64url'),
    [cursor],
    { $ne: null },
  ])('refuses the cursor %j', async (wrong) => {
    expect(await brokenFields({ cursor: wrong })).toEqual(['cursor']);
  });

  it('reads a cursor back', () => {
    expect(decodeCursor(cursor)).toBe('01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f');
  });
});
