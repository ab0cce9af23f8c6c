import fc from 'fast-check';
import { systemRandom } from '#libs/kernel';
import { createKeyPair } from './nkeys.js';
import {
  agentResultsServicePermissions,
  isReserved,
  leafAccountServicePermissions,
  leafConnectionsServicePermissions,
  leafControlPermissions,
  leafUserPermissions,
  type Permissions,
  personPermissions,
  publisherPermissions,
  streamReaderPermissions,
  streamServicePermissions,
  systemServicePermissions,
} from './permissions.js';
import { CAPTURED_SUBJECTS } from './stream-names.js';
import { isSubject, subjectIsWithin } from './subjects.js';

const invalid = expect.objectContaining({ code: 'invalid_configuration' });

describe('a subject', () => {
  it.each(['a', 'logs.syslog', 'a.b-c_d.E1', '$SYS.x', 'flows.raw.sflow', 'a,b', 'x/y=z'])('is %j', (text) => {
    expect(isSubject(text, { wildcards: false })).toBe(true);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a\tb', 'a\n', 'a*', '>a', 'a.>.b', 'é', 'a\u0000', 'a'.repeat(257), '*x.a', 'a.>>'])('is not %j', (text) => {
    expect(isSubject(text, { wildcards: true })).toBe(false);
  });

  it.each(['*', '>', 'a.*', 'a.>', '*.a.*', 'a.*.>'])('is %j only as a pattern', (text) => {
    expect(isSubject(text, { wildcards: true })).toBe(true);
    expect(isSubject(text, { wildcards: false })).toBe(false);
  });
});

describe('a pattern', () => {
  it.each([
    ['a.b', 'a.b'],
    ['a.b', 'a.*'],
    ['a.b', '>'],
    ['a.*', 'a.*'],
    ['a.*', 'a.>'],
    ['a.b.>', 'a.>'],
    ['a.>', 'a.>'],
    ['*.b', '*.*'],
    ['a.*.>', 'a.>'],
  ])('%s lies within %s', (inner, outer) => {
    expect(subjectIsWithin(inner, ['zzz', outer])).toBe(true);
  });

  it.each([
    ['a', 'a.>'],
    ['a.>', 'a.*'],
    ['a.*', 'a.b'],
    ['a.b.c', 'a.*'],
    ['a.b', 'a.b.c'],
    ['*.b', 'a.*'],
    ['>', '*'],
    ['a', '*.>'],
    ['a', 'A'],
  ])('%s does not lie within %s', (inner, outer) => {
    expect(subjectIsWithin(inner, [outer])).toBe(false);
  });

  it('lies within another only if every subject that it matches does', () => {
    const token = fc.constantFrom('a', 'b');
    const pattern = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'));
    const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
    fc.assert(
      fc.property(pattern, pattern, subject, (inner, outer, candidate) => {
        if (subjectIsWithin(inner, [outer]) && matches(inner, candidate)) expect(matches(outer, candidate)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a leaf's own user", () => {
  const { publish, subscribe } = leafUserPermissions({ site: 'new-york', jetstreamDomain: 'edge' });

  it('may send exactly what sourcing and answering take', () => {
    expect(publish).toEqual({ allow: ['_CP.>', '_sync.new-york.>', '$JSC.R.*'] });
  });

  it('may receive exactly the requests about the stream of its site', () => {
    expect(subscribe).toEqual({
      allow: [
        '$JS.edge.API.STREAM.CREATE.events',
        '$JS.edge.API.STREAM.UPDATE.events',
        '$JS.edge.API.STREAM.INFO.events',
        '$JS.edge.API.STREAM.DELETE.events',
        '$JS.edge.API.CONSUMER.CREATE.events',
        '$JS.edge.API.CONSUMER.CREATE.events.>',
        '$JS.FC.events.>',
      ],
    });
  });

  it.each(['a.>', '>', '*', 'A', ''])('is not made for a site or domain called %j', (name) => {
    expect(() => leafUserPermissions({ site: name, jetstreamDomain: 'edge' })).toThrow(invalid);
    expect(() => leafUserPermissions({ site: 'x', jetstreamDomain: name })).toThrow(invalid);
  });
});

describe("a leaf's user in the control account", () => {
  const { publicKey: account } = createKeyPair('account', systemRandom);

  it('hears of new account JWTs, is asked for the connections of its tenant, answers, and nothing else', () => {
    expect(leafControlPermissions({ account })).toEqual({
      publish: { allow: ['_CP.>'] },
      subscribe: { allow: ['$SYS.REQ.CLAIMS.UPDATE', `$SYS.REQ.ACCOUNT.${account}.CONNZ`] },
    });
  });

  it.each(['*', '>', '', 'acme', createKeyPair('user', systemRandom).publicKey])('is not made for an account called %j', (name) => {
    expect(() => leafControlPermissions({ account: name })).toThrow(invalid);
  });
});

describe('the users of the control plane', () => {
  it('reconcile `events` at the hub and at leaves, with four verbs, shards at the hub, with three, and hear what the hub asks leaves for', () => {
    expect(streamServicePermissions()).toEqual({
      publish: {
        allow: [
          ...['$JS.API', '$JS.*.API'].flatMap((api) => ['CREATE', 'UPDATE', 'INFO', 'DELETE'].map((verb) => `${api}.STREAM.${verb}.events`)),
          '$JS.API.STREAM.CREATE.*',
          '$JS.API.STREAM.UPDATE.*',
          '$JS.API.STREAM.INFO.*',
        ],
      },
      subscribe: { allow: ['_CP.>', '$JS.*.API.CONSUMER.CREATE.events', '$JS.*.API.CONSUMER.CREATE.events.>'] },
    });
  });

  it('push accounts to leaves in the control account', () => {
    expect(leafAccountServicePermissions()).toEqual({ publish: { allow: ['$SYS.REQ.CLAIMS.UPDATE'] }, subscribe: { allow: ['_CP.>'] } });
  });

  it('ask leaves for connections in the control account', () => {
    expect(leafConnectionsServicePermissions()).toEqual({ publish: { allow: ['$SYS.REQ.ACCOUNT.*.CONNZ'] }, subscribe: { allow: ['_CP.>'] } });
  });

  it('push accounts and watch connections in the system account', () => {
    expect(systemServicePermissions()).toEqual({
      publish: {
        allow: [
          '$SYS.REQ.CLAIMS.UPDATE',
          '$SYS.REQ.SERVER.PING.LEAFZ',
          '$SYS.REQ.ACCOUNT.*.CONNZ',
          '$SYS.REQ.SERVER.PING.VARZ',
          '$SYS.REQ.SERVER.*.KICK',
        ],
      },
      subscribe: { allow: ['$SYS.ACCOUNT.*.CONNECT', '$SYS.ACCOUNT.*.DISCONNECT', '_CP.>'] },
    });
  });
});

describe('the gateway’s user', () => {
  it('may publish results of agents, and hear that they are stored', () => {
    expect(agentResultsServicePermissions()).toEqual({ publish: { allow: ['agent.results.>'] }, subscribe: { allow: ['_CP.>'] } });
  });
});

describe('users that publish or read', () => {
  const changing = ['$JS.API.STREAM.CREATE.events', '$JS.API.STREAM.DELETE.events', '$JS.API.STREAM.UPDATE.events', '$JS.API.STREAM.PURGE.events'];
  const users: [string, Permissions][] = [
    ['a publisher', publisherPermissions(CAPTURED_SUBJECTS)],
    ['a reader', streamReaderPermissions()],
  ];

  it.each(users)('%s cannot change a stream, nor hear the control plane', (_name, { publish, subscribe }) => {
    for (const subject of [...changing, '$JS.hub.API.STREAM.DELETE.events', '$SYS.REQ.CLAIMS.UPDATE', '_CP.x', '_sync.x.y']) {
      expect(subjectIsWithin(subject, publish.allow)).toBe(false);
    }
    for (const subject of ['_CP.x', '_sync.x.y', '$SYS.x']) expect(subjectIsWithin(subject, subscribe.allow)).toBe(false);
  });

  it('publish what they were given, and hear the acknowledgement', () => {
    const { publish, subscribe } = publisherPermissions(['logs.syslog']);
    expect(publish.allow).toContain('logs.syslog');
    expect(subjectIsWithin('_INBOX.abc.1', subscribe.allow)).toBe(true);
  });

  it.each(['$JS.API.>', '>', '*.x', '_sync.a', 'a b'])('are not given %j', (subject) => {
    expect(() => publisherPermissions([subject])).toThrow(invalid);
  });
});

describe("a person's user", () => {
  it('may do what was asked, and hear answers', () => {
    expect(personPermissions({ publish: ['logs.a'], subscribe: ['logs.>'] }, ['logs.>'])).toEqual({
      publish: { allow: ['logs.a'] },
      subscribe: { allow: ['logs.>', '_INBOX.>'] },
    });
  });

  it('hears no answers when it publishes nothing', () => {
    expect(personPermissions({ publish: [], subscribe: ['logs.>'] })).toEqual({ publish: { allow: [] }, subscribe: { allow: ['logs.>'] } });
  });

  it('is refused with every wrong subject named', () => {
    const ask = () => personPermissions({ publish: ['logs.a', '$SYS.>', 'a b'], subscribe: ['>', 'other.x'] }, ['logs.>']);
    expect(ask).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        errors: [
          expect.objectContaining({ pointer: '/publish/1', code: 'reserved_subject' }),
          expect.objectContaining({ pointer: '/publish/2', code: 'invalid_subject' }),
          expect.objectContaining({ pointer: '/subscribe/0', code: 'reserved_subject' }),
          expect.objectContaining({ pointer: '/subscribe/1', code: 'subject_not_allowed' }),
        ],
      }),
    );
  });

  it.each(['$SYS.x', '$JS.API.>', '$KV.x', '$JSC.R.x', '_INBOX.>', '_sync.x', '_CP.x', '>', '*', '*.API.>'])('does not get the reserved %j', (subject) => {
    expect(isReserved(subject)).toBe(true);
    expect(() => personPermissions({ publish: [subject], subscribe: [] })).toThrow(expect.objectContaining({ code: 'validation_failed' }));
  });
});

/** Matching by its definition, apart from the code under test. */
function matches(pattern: string, subject: string): boolean {
  const expression = pattern.split('.').map((token) => (token === '>' ? '.+' : token === '*' ? '[^.]+' : token));
  return new RegExp(`^${expression.join('\\.')}$`).test(subject);
}
