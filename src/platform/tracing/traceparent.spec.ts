import { contextOf, traceparentOf } from './traceparent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  it.each([`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`])('that is well-formed (%s) says the same when it is passed on', (header) => {
    expect(traceparentOf(contextOf(header))).toBe(header);
  });

  it('of a later version is understood as far as it is known', () => {
    expect(traceparentOf(contextOf(`cc-${TRACE}-${SPAN}-03-what-is-to-come`))).toBe(`00-${TRACE}-${SPAN}-01`);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['empty', ''],
    ['sent twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['a list', [`00-${TRACE}-${SPAN}-01`]],
    ['in capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['with more than version 00 has', `00-${TRACE}-${SPAN}-01-more`],
    ['of the version that there is not', `ff-${TRACE}-${SPAN}-01`],
    ['of no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['of no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['with something else around it', `x00-${TRACE}-${SPAN}-01`],
    ['a key', `sr_0123456789abcdef_${'s'.repeat(43)}`],
  ])('that is %s is not taken', (_what, header) => {
    expect(contextOf(header)).toBeUndefined();
  });
});

it('nothing is passed on without a span', () => {
  expect(traceparentOf(undefined)).toBeUndefined();
});
