import { DomainError } from '#libs/kernel';
import { AGENT_RESULTS_SUBJECTS, CAPTURED_SUBJECTS } from './stream-names.js';
import { agentResultSubject, checkAddedSubjects, hubStreamSubjects, streamSubjects } from './stream-subjects.js';
import { subjectsOverlap } from './subjects.js';

const refused = (subjects: string[]) => {
  try {
    checkAddedSubjects(subjects);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'validation_failed') return error.errors.map(({ pointer, code }) => `${pointer} ${code}`);
    throw error;
  }
  return [];
};

describe('two patterns', () => {
  it.each([
    ['a', 'a'],
    ['a.*', 'a.b'],
    ['a.>', 'a.b.c'],
    ['a.>', 'a.*'],
    ['*.b', 'a.*'],
    ['a.*.c', 'a.b.>'],
    ['>', 'a'],
  ])('overlap: %s and %s', (a, b) => {
    expect([subjectsOverlap(a, b), subjectsOverlap(b, a)]).toEqual([true, true]);
  });

  it.each([
    ['a', 'b'],
    ['a', 'a.b'],
    ['a.>', 'a'],
    ['a.*', 'a.b.c'],
    ['a.*', 'b.>'],
    ['a.b.*', 'a.c.>'],
    ['ab', 'a'],
  ])('do not: %s and %s', (a, b) => {
    expect([subjectsOverlap(a, b), subjectsOverlap(b, a)]).toEqual([false, false]);
  });
});

describe('the subjects of a tenant’s streams', () => {
  it('are those of all types of collectors, and what it added', () => {
    expect(streamSubjects(['sensors.>'])).toEqual([...CAPTURED_SUBJECTS, 'sensors.>']);
  });

  it('do not overlap by themselves', () => {
    for (const one of CAPTURED_SUBJECTS) expect(CAPTURED_SUBJECTS.filter((other) => subjectsOverlap(one, other))).toEqual([one]);
  });

  it('may be added to', () => {
    expect(refused([])).toEqual([]);
    expect(refused(['sensors.>', 'logs.app', 'logs.web.*', 'otel.traces', 'a"b', 'x`touch`y', '%n'])).toEqual([]);
  });

  it.each([
    ['', 'invalid_subject'],
    ['a..b', 'invalid_subject'],
    ['a b', 'invalid_subject'],
    ['a.>.b', 'invalid_subject'],
    ['größe', 'invalid_subject'],
    ['$(touch x)', 'invalid_subject'],
    ['a'.repeat(257), 'invalid_subject'],
    ['>', 'reserved_subject'],
    ['*.x', 'reserved_subject'],
    ['$JS.API.>', 'reserved_subject'],
    ['$SYS.x', 'reserved_subject'],
    ['$KV.bucket.>', 'reserved_subject'],
    ['_INBOX.>', 'reserved_subject'],
    ['_sync.oslo', 'reserved_subject'],
    ['_CP.x', 'reserved_subject'],
    ['logs.syslog', 'subject_overlaps'],
    ['logs.*', 'subject_overlaps'],
    ['logs.>', 'subject_overlaps'],
    ['falco.warning', 'subject_overlaps'],
    ['agent.results.oslo.scan', 'subject_overlaps'],
    ['agent.>', 'subject_overlaps'],
  ])('are not added to by %j: %s', (subject, code) => {
    expect(refused(['sensors.a', subject])).toEqual([`/subjects/1 ${code}`]);
  });

  it('are refused all at once, with those that overlap with one another', () => {
    expect(refused(['sensors.>', '$x', 'sensors.a', 'sensors.>', 'machines.*'])).toEqual([
      '/subjects/1 reserved_subject',
      '/subjects/2 subject_overlaps',
      '/subjects/3 subject_overlaps',
    ]);
  });
});

describe('the results of agents', () => {
  it('are stored at the hub besides, unless the tenant had added what overlaps with them', () => {
    expect(hubStreamSubjects(streamSubjects(['sensors.>']))).toEqual([...CAPTURED_SUBJECTS, 'sensors.>', AGENT_RESULTS_SUBJECTS]);
    expect(hubStreamSubjects(streamSubjects(['agent.>']))).toEqual([...CAPTURED_SUBJECTS, 'agent.>']);
    expect(hubStreamSubjects(streamSubjects(['agents.>']))).toContain(AGENT_RESULTS_SUBJECTS);
  });

  it('have a subject by site and type', () => {
    expect(agentResultSubject('oslo', 'scan')).toBe('agent.results.oslo.scan');
  });

  it.each(['', '>', '*', 'a.b', 'a b', 'a\r\nb', '😀'])('have none of a type %j', (type) => {
    expect(() => agentResultSubject('oslo', type)).toThrow(DomainError);
    expect(() => agentResultSubject(type, 'scan')).toThrow(DomainError);
  });
});
