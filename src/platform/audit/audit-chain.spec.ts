import { type Anchor, anchorsIn, auditHash, ChainCheck, formatAnchor, type Seal } from './audit-chain.js';

const CHAIN = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f';
const SEALED_AT = '2026-11-26T07:00:00.000000Z';

const rowOf = (eventId: string, text = 'a"b 🏭') => {
  const row = [eventId, null, text];
  return { eventId, rowHash: auditHash(row), row };
};

/** A chain in which everything is right: each seal has two rows. */
function chainOf(count: number): Seal[] {
  let before: string | null = null;
  return Array.from({ length: count }, (_, at) => {
    const [a, b] = [rowOf(`event-${at}-a`), rowOf(`event-${at}-b`)];
    before = auditHash([before, CHAIN, String(at + 1), SEALED_AT, a.eventId, b.eventId, a.rowHash, b.rowHash]);
    return { chain: CHAIN, sequence: at + 1, sealedAt: SEALED_AT, hash: before, rows: [a, b] };
  });
}

function check(seals: readonly Seal[], anchors: readonly Anchor[] = []) {
  const following = new ChainCheck(CHAIN, anchors);
  seals.forEach((seal) => following.follow(seal));
  following.end();
  return following;
}

const places = (following: ChainCheck) => following.faults.map(({ sequence }) => sequence);
const anchorOf = ({ chain, sequence, hash }: Seal): Anchor => ({ chain, sequence, hash });

describe('the hash of an audit row', () => {
  it('is the same for the same fields only', () => {
    const fields = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', null], ['abc', ''], ['abc', '-'], ['2:ab,1:c'], [null], ['']];
    expect(new Set(fields.map((one) => auditHash(one))).size).toBe(fields.length);
  });
});

describe('a chain', () => {
  const seals = chainOf(5);

  it('that nobody touched has no fault, and ends with its last seal', () => {
    expect(check(seals, seals.map(anchorOf)).faults).toEqual([]);
    expect(check(seals).head).toEqual(anchorOf(seals[4]!));
    expect(check([]).head).toBeUndefined();
  });

  it('of which a row was changed or removed has a fault there', () => {
    const [first, second] = seals[2]!.rows as [Seal['rows'][number], Seal['rows'][number]];
    const holding = (...rows: Seal['rows'][number][]) => check(seals.with(2, { ...seals[2]!, rows }));
    expect(holding(first, { ...second, row: ['event-2-b', null, 'other'] }).faults).toEqual([{ chain: CHAIN, sequence: 3, problem: 'the row event-2-b was changed' }]);
    expect(holding({ ...first, row: null }, second).faults).toEqual([{ chain: CHAIN, sequence: 3, problem: 'the row event-2-a was removed' }]);
    expect(places(holding(first))).toEqual([3]);
    expect(places(holding(second, first))).toEqual([3]);
    expect(places(holding(first, second, rowOf('inserted')))).toEqual([3]);
  });

  it('of which a row was changed with its seal has a fault, at the latest at the next', () => {
    const resealed = { ...seals[2]!, rows: [rowOf('event-2-a', 'other'), seals[2]!.rows[1]!] };
    expect(places(check(seals.with(2, resealed)))).toEqual([3]);
    expect(places(check(seals.with(2, { ...resealed, hash: '0'.repeat(64) })))).toEqual([3, 4]);
  });

  it('of which a seal was taken out has a fault there', () => {
    expect(places(check(seals.toSpliced(1, 1)))).toEqual([2]);
    expect(places(check(seals.slice(1)))).toEqual([1]);
  });

  it('of which two changed places has faults at both and behind', () => {
    const swapped = seals.with(1, { ...seals[2]!, sequence: 2 }).with(2, { ...seals[1]!, sequence: 3 });
    expect(places(check(swapped))).toEqual([2, 3, 4]);
  });

  it('that was cut off at its end is known by an anchor', () => {
    const cut = seals.slice(0, 3);
    expect(check(cut).faults).toEqual([]);
    expect(check(cut, [anchorOf(seals[4]!)]).faults).toEqual([{ chain: CHAIN, sequence: 4, problem: expect.stringContaining('its end was cut off') as string }]);
    expect(places(check([], [anchorOf(seals[0]!)]))).toEqual([1]);
  });

  it('that was written anew is known by an anchor', () => {
    const other = { ...anchorOf(seals[1]!), hash: 'f'.repeat(64) };
    expect(check(seals, [anchorOf(seals[1]!), other]).faults).toEqual([{ chain: CHAIN, sequence: 2, problem: expect.stringContaining('written anew') as string }]);
  });
});

describe('anchors', () => {
  const anchor = anchorOf(chainOf(1)[0]!);

  it('are found wherever they stand in a log', () => {
    const log = `{"msg":"x","anchor":"${formatAnchor(anchor)}"}\nnothing audit:1:2:3\n${formatAnchor({ ...anchor, sequence: 7 })}`;
    expect(anchorsIn(log)).toEqual([anchor, { ...anchor, sequence: 7 }]);
  });
});
