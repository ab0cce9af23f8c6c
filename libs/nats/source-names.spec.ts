import { renamedSource, requestedSequence, siteSource, sourceRequestSubjects, subjectIsWithin } from './index.js';

const oslo = { site: 'oslo', jetstreamDomain: 'edge-oslo' };

describe('a source under another name', () => {
  const first = renamedSource(siteSource(oslo));
  const second = renamedSource(first);
  const subjectsOf = ({ subject_transforms }: typeof first) => subject_transforms!.map(({ src }) => src);

  it('takes the same messages from the same place', () => {
    expect(first).toMatchObject({ ...siteSource(oslo), opt_start_seq: 1 });
  });

  it('has a name of its own each time', () => {
    expect([first, second].map(subjectsOf)).toEqual([
      ['*', '*.>'],
      ['*', '*.*', '*.*.>'],
    ]);
  });

  it.each(['otel', 'logs.syslog', 'flows.raw.sflow', 'a.b.c.d.e'])('takes %s once, and leaves its subject', (subject) => {
    for (const source of [first, second]) {
      const taking = source.subject_transforms!.filter(({ src }) => subjectIsWithin(subject, [src]));
      expect(taking.map(({ dest }) => dest)).toEqual(['']);
    }
  });
});

describe('what the hub asks a leaf for', () => {
  const asked = (config: unknown) => requestedSequence(oslo, Buffer.from(JSON.stringify({ stream_name: 'events', config })));

  it('is heard in the leaf’s domain, with a consumer’s name or without', () => {
    expect(sourceRequestSubjects(oslo)).toEqual(['$JS.edge-oslo.API.CONSUMER.CREATE.events', '$JS.edge-oslo.API.CONSUMER.CREATE.events.>']);
  });

  it('is the sequence that the source of the site goes on with', () => {
    expect(asked({ deliver_subject: '_sync.oslo.S.W1PvbpnD', opt_start_seq: 1_700_000_000_000_001 })).toBe(1_700_000_000_000_001);
  });

  it.each([
    [{ deliver_subject: '_sync.oslo-2.S.W1PvbpnD', opt_start_seq: 7 }],
    [{ deliver_subject: '_INBOX.x', opt_start_seq: 7 }],
    [{ deliver_subject: '_sync.oslo.S.W1PvbpnD', opt_start_seq: '7' }],
    [{ deliver_subject: '_sync.oslo.S.W1PvbpnD' }],
    [{ opt_start_seq: 7 }],
    ['x'],
    [undefined],
  ])('is not said by %j', (config) => {
    expect(asked(config)).toBeUndefined();
  });

  it('is not said by what is no JSON', () => {
    expect(requestedSequence(oslo, Buffer.from('{'))).toBeUndefined();
  });
});
