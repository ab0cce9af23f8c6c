import { commandLine, findProcess, isSameProcess, parseStat } from './process-identity.js';

const stat = (name: string, state: string): string =>
  `4711 (${name}) ${state} 1 4711 4711 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 9 0 123456 1000 50 18446744073709551615 1 1 0 0 0 0 0`;

describe('parseStat', () => {
  describe('given the stat of a process', () => {
    it('reads number, state and start time', () => {
      expect(parseStat(stat('nats-server', 'S'))).toEqual({ pid: 4711, state: 'S', startTime: '123456' });
    });
  });

  describe('given a program whose name holds spaces and parentheses', () => {
    it('reads the same', () => {
      expect(parseStat(stat('a) R 1 (b', 'S'))).toEqual({ pid: 4711, state: 'S', startTime: '123456' });
    });
  });

  describe('given something else', () => {
    it.each(['', 'nonsense', '4711', '4711 (cut off) S 1'])('reads nothing from %j', (text) => {
      expect(parseStat(text)).toBeUndefined();
    });
  });
});

describe('findProcess', () => {
  it('finds this process, always as the same', () => {
    const found = findProcess(process.pid);
    expect(found?.pid).toBe(process.pid);
    expect(isSameProcess(found!, findProcess(process.pid))).toBe(true);
  });

  it('finds none under a number that is not in use', () => {
    expect(findProcess(2 ** 30)).toBeUndefined();
  });

  it('tells a process from an earlier one of the same number', () => {
    const found = findProcess(process.pid)!;
    expect(isSameProcess({ ...found, startTime: '1' }, found)).toBe(false);
  });
});

describe('commandLine', () => {
  it('gives the arguments of this process, the program first', () => {
    expect(commandLine(process.pid).length).toBeGreaterThan(0);
  });

  it('gives nothing for a process that is not there', () => {
    expect(commandLine(2 ** 30)).toEqual([]);
  });
});
