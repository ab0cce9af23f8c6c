import type { AgentResultChunk } from '#libs/contracts';
import { RESULT_MAX, ResultAssembly } from './result-assembly.js';

const piece = (index: number, total: number, changed: Partial<AgentResultChunk> = {}): AgentResultChunk => ({
  agent_id: '',
  partition: '',
  result_id: 'r1',
  result_type: 'scan',
  content_type: 'text/plain',
  timestamp: 1,
  payload: Buffer.from(String(index)),
  chunk_index: index,
  total_chunks: total,
  is_final: index === total - 1,
  ...changed,
});
const textOf = (result: { payload: Uint8Array } | undefined) => result && Buffer.from(result.payload).toString();

describe('a result that comes in pieces', () => {
  it('is whole with its last one, and another may follow', () => {
    const assembly = new ResultAssembly();
    expect([0, 1, 2].map((index) => textOf(assembly.add(piece(index, 3))))).toEqual([undefined, undefined, '012']);
    expect(assembly.held).toBe(0);
    expect(assembly.add(piece(0, 1, { result_id: 'r2' }))).toMatchObject({ result_id: 'r2', result_type: 'scan', content_type: 'text/plain' });
    assembly.end();
  });

  it.each<[string, AgentResultChunk[]]>([
    ['one is missing', [piece(0, 3), piece(2, 3)]],
    ['the first is missing', [piece(1, 3)]],
    ['one comes twice', [piece(0, 3), piece(0, 3)]],
    ['the total changes', [piece(0, 3), piece(1, 4)]],
    ['there are none', [piece(0, 0)]],
    ['there are too many', [piece(0, 5_000)]],
    ['the last does not say so', [piece(0, 2), piece(1, 2, { is_final: false })]],
    ['the last comes early', [piece(0, 3), piece(1, 3, { is_final: true })]],
    ['another result comes between', [piece(0, 2), piece(1, 2, { result_id: 'r2' })]],
    ['another type comes between', [piece(0, 2), piece(1, 2, { result_type: 'flow' })]],
  ])('is discarded when %s', (_what, pieces) => {
    const assembly = new ResultAssembly();
    for (const one of pieces.slice(0, -1)) assembly.add(one);
    expect(() => assembly.add(pieces.at(-1)!)).toThrow('discarded');
    expect(textOf(assembly.add(piece(0, 1)))).toBe('0');
  });

  it('is discarded when the stream ends before', () => {
    const assembly = new ResultAssembly();
    assembly.add(piece(0, 2));
    expect(() => assembly.end()).toThrow('ended after 1 of 2 pieces');
    expect(assembly.held).toBe(0);
  });

  it('is discarded when it becomes too large', () => {
    const assembly = new ResultAssembly();
    const payload = Buffer.alloc(RESULT_MAX / 2);
    assembly.add(piece(0, 3, { payload }));
    assembly.add(piece(1, 3, { payload }));
    expect(() => assembly.add(piece(2, 3))).toThrow('at most');
    expect(assembly.held).toBe(0);
  });
});
