import { inPieces, piecesOf } from './gateway-client.js';
import type { Result, ServiceStatus } from './wire.js';

const service = (service_name: string, bytes: number): ServiceStatus => ({ service_name, available: true, message: Buffer.alloc(bytes), service_type: 'tcp', response_time: 1, source: '' });
const namesOf = (pieces: ReturnType<typeof inPieces>) => pieces.map(({ services }) => services.map(({ service_name: name }) => name));

describe('a report', () => {
  it('is one message when it is small, and also when it is empty', () => {
    expect(inPieces({ services: [], timestamp: 7 })).toEqual([{ services: [], timestamp: 7, chunk_index: 0, total_chunks: 1, is_final: true }]);
    expect(namesOf(inPieces({ services: [service('a', 10), service('b', 10)], timestamp: 7 }))).toEqual([['a', 'b']]);
  });

  it('goes in pieces that are small enough, in order, each with its number', () => {
    const pieces = inPieces({ services: ['a', 'b', 'c', 'd'].map((name) => service(name, 700)), timestamp: 7 }, 2_000);
    expect(namesOf(pieces)).toEqual([['a', 'b'], ['c', 'd']]);
    expect(pieces.map(({ timestamp, chunk_index, total_chunks, is_final }) => [timestamp, chunk_index, total_chunks, is_final])).toEqual([
      [7, 0, 2, false],
      [7, 1, 2, true],
    ]);
  });

  it('has no more services in a piece than the gateway takes', () => {
    const services = Array.from({ length: 450 }, (_, n) => service(`s${n}`, 2));
    expect(inPieces({ services, timestamp: 7 }, 1_000_000).map((piece) => piece.services.length)).toEqual([200, 200, 50]);
  });

  it('has what is too large for it alone in a piece of its own', () => {
    expect(namesOf(inPieces({ services: [service('a', 5_000), service('b', 1)], timestamp: 7 }, 2_000))).toEqual([['a'], ['b']]);
  });
});

describe('a result', () => {
  const result = (bytes: number): Result => ({ result_id: 'r', result_type: 'checks', payload: Buffer.alloc(bytes, 'x'), content_type: 'text/plain', timestamp: 7 });

  it('is one message when it is small, and also when it is empty', () => {
    for (const bytes of [0, 1, 10]) expect(piecesOf(result(bytes), 10)).toEqual([{ ...result(bytes), chunk_index: 0, total_chunks: 1, is_final: true }]);
  });

  it('goes in pieces, in order, each with its number', () => {
    const pieces = piecesOf(result(25), 10);
    expect(pieces.map(({ result_id, payload, chunk_index, total_chunks, is_final }) => [result_id, payload.length, chunk_index, total_chunks, is_final])).toEqual([
      ['r', 10, 0, 3, false],
      ['r', 10, 1, 3, false],
      ['r', 5, 2, 3, true],
    ]);
  });
});
