import { readFileSync } from 'node:fs';
import { CONFIG_VARIABLES, configTable } from './variables.js';

describe('the table of variables', () => {
  it('names each variable once', () => {
    const names = CONFIG_VARIABLES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  const readme = new URL('../../../README.md', import.meta.url);
  it('stands in the README as it is here', () => {
    expect(readFileSync(readme, 'utf8')).toContain(configTable());
  });
});
