import { isExpected } from './http.js';
import { roundTripOf } from './icmp.js';

describe('a status of HTTP', () => {
  it.each([
    [200, '200-399', true],
    [399, '200-399', true],
    [400, '200-399', false],
    [401, '200-299,401', true],
    [402, '200-299, 401', false],
    [204, '204', true],
  ])('%s is among %s: %s', (status, expected, among) => expect(isExpected(status, expected)).toBe(among));
});

describe('the round trip that ping prints', () => {
  it.each([
    ['64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.034 ms', 0.034],
    ['64 bytes from 127.0.0.1: seq=0 ttl=64 time=12 ms', 12],
    ['64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time<1 ms', 1],
    ['64 Bytes von 127.0.0.1: icmp_seq=1 ttl=64 Zeit=0,034 ms', 0.034],
    ['PING 127.0.0.1', null],
  ])('is read from %s', (line, expected) => expect(roundTripOf(`PING\n${line}\n`)).toBe(expected));
});
