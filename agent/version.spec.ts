import { assertNode } from './version.js';

describe('the Node that the agent runs with', () => {
  it.each(['20.19.0', '20.20.2', '22.12.0', '24.21.0', '100.0.0'])('may be %s', (node) => expect(() => assertNode(node)).not.toThrow());

  it.each(['18.20.8', '20.18.3', '21.7.3', '22.11.0'])('may not be %s', (node) => {
    expect(() => assertNode(node)).toThrow(`Node 20.19 or 22.12, or newer, is needed; this is ${node}.`);
  });
});
