import fc from 'fast-check';
import { entityTag, tagsIn, versionIn } from './entity-tag.js';

describe('an entity tag', () => {
  it('tells its version, and differs when version or representation do', () => {
    const tag = entityTag(7, { a: 1 });
    expect([versionIn(tag), tagsIn(tag)]).toEqual([7, [tag]]);
    expect(new Set([tag, entityTag(8, { a: 1 }), entityTag(7, { a: 2 })]).size).toBe(3);
  });

  it.each(['W/"7-aaaaaaaaaaaaaaaa"', '"7"', '"-aaaaaaaaaaaaaaaa"', '"7-aaaaaaaaaaaaaaa"', '"07-aaaaaaaaaaaaaaaa" ', '7-aaaaaaaaaaaaaaaa'])('that is %s has no version', (tag) => {
    expect(versionIn(tag)).toBeUndefined();
  });
});

describe('a list of entity tags', () => {
  it.each([
    ['"a"', ['"a"']],
    [' "a" , W/"b","" ', ['"a"', 'W/"b"', '""']],
    ['"a,b", "é"', ['"a,b"', '"é"']],
  ])('%s is read', (header, tags) => expect(tagsIn(header)).toEqual(tags));

  it.each(['', ',', '"a",', '"a" "b"', 'a', '"a', "'a'", 'w/"a"', '"a b"', '*', '"a\u0001"'])('%j is none', (header) => {
    expect(tagsIn(header)).toBeUndefined();
  });

  it('that is any text is read or refused, and nothing else', () => {
    fc.assert(fc.property(fc.string(), (header) => {
      const tags = tagsIn(header);
      expect(tags === undefined || tags.every((tag) => header.includes(tag))).toBe(true);
    }));
  });
});
