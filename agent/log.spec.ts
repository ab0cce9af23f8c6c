import { lineLog } from './log.js';
import { table } from './table.js';

describe('what the agent says', () => {
  it('is a line, whatever a text holds', () => {
    const lines: string[] = [];
    const log = lineLog((line) => lines.push(line), () => 0);
    log.warn('lost\n1970 error forged', { why: 'a"b\n$(touch x)', left: undefined, count: 3 });
    expect(lines).toEqual(['1970-01-01T00:00:00.000Z warn lost 1970 error forged why="a\\"b\\n$(touch x)" count=3\n']);
  });

  it('is a table with its columns below each other', () => {
    expect(table([['a', 'bb', 'c'], ['long\u001b[31m', 'b', '']])).toBe('a          bb  c\nlong [31m  b\n');
  });
});
