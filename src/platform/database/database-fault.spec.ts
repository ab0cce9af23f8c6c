import { DriverException } from '@mikro-orm/core';
import { Client } from 'pg';
import { DomainError } from '#libs/kernel';
import { domainErrorOf, PROBLEMS } from '../problem/index.js';
import { databaseFaultOf, isDatabaseAway, lostToOthers } from './database-fault.js';

const withCode = (code: string) => Object.assign(new Error(`update keys set secret = 'hunter2'`), { code });

const AWAY = /not available/;
const CROWDED = /than it can take/;
const CONTENDED = /Others are changing/;
const SLOW = /too long/;
const READ_ONLY = /takes no changes/;
const FULL = /no room left/;

/** PostgreSQL, "Appendix A. PostgreSQL Error Codes". */
const PASSES: [string, string, RegExp][] = [
  ['08000', 'connection_exception', AWAY],
  ['08001', 'sqlclient_unable_to_establish_sqlconnection', AWAY],
  ['08003', 'connection_does_not_exist', AWAY],
  ['08004', 'sqlserver_rejected_establishment_of_sqlconnection', AWAY],
  ['08006', 'connection_failure', AWAY],
  ['08007', 'transaction_resolution_unknown', AWAY],
  ['08P01', 'protocol_violation', AWAY],
  ['25006', 'read_only_sql_transaction', READ_ONLY],
  ['25P03', 'idle_in_transaction_session_timeout', SLOW],
  ['25P04', 'transaction_timeout', SLOW],
  ['40001', 'serialization_failure', CONTENDED],
  ['40003', 'statement_completion_unknown', AWAY],
  ['40P01', 'deadlock_detected', CONTENDED],
  ['53000', 'insufficient_resources', CROWDED],
  ['53100', 'disk_full', FULL],
  ['53200', 'out_of_memory', CROWDED],
  ['53300', 'too_many_connections', CROWDED],
  ['53400', 'configuration_limit_exceeded', CROWDED],
  ['55P03', 'lock_not_available', CONTENDED],
  ['57014', 'query_canceled', SLOW],
  ['57P01', 'admin_shutdown', AWAY],
  ['57P02', 'crash_shutdown', AWAY],
  ['57P03', 'cannot_connect_now', AWAY],
  ['57P04', 'database_dropped', AWAY],
  ['57P05', 'idle_session_timeout', AWAY],
  ['58000', 'system_error', AWAY],
  ['58030', 'io_error', AWAY],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'].map((code): [string, string, RegExp] => [code, 'of a socket', AWAY]),
];

const STAYS: [string, string][] = [
  ['22001', 'string_data_right_truncation'],
  ['22P02', 'invalid_text_representation'],
  ['23503', 'foreign_key_violation'],
  ['23505', 'unique_violation'],
  ['25P02', 'in_failed_sql_transaction'],
  ['28P01', 'invalid_password'],
  ['40002', 'transaction_integrity_constraint_violation'],
  ['42501', 'insufficient_privilege'],
  ['42P01', 'undefined_table'],
  ['54000', 'program_limit_exceeded'],
  ['P0001', 'raise_exception'],
  ['XX000', 'internal_error'],
  ['XX001', 'data_corrupted'],
];

describe('an error of PostgreSQL', () => {
  it.each(PASSES)('with the code %s (%s) passes: 503, to be tried again, with a sentence of its own', (code, _name, sentence) => {
    // As the ORM hands it on.
    for (const error of [withCode(code), new DriverException(withCode(code)), new Error('failed', { cause: withCode(code) })]) {
      expect(databaseFaultOf(error)).toMatch(sentence);
      const shown = domainErrorOf(error);
      expect([PROBLEMS[shown.code].status, shown.code, shown.retryable]).toEqual([503, 'unavailable', true]);
      expect(shown.message).not.toContain('hunter2');
    }
  });

  it.each(STAYS)('with the code %s (%s) stays: it is a fault of ours', (code) => {
    expect(isDatabaseAway(withCode(code))).toBe(false);
    expect(domainErrorOf(new DriverException(withCode(code)))).toMatchObject({ code: 'internal', retryable: false });
  });

  it.each([
    ['Connection terminated', AWAY],
    ['Connection terminated unexpectedly', AWAY],
    ['Connection terminated due to connection timeout', AWAY],
    ['Client has encountered a connection error and is not queryable', AWAY],
    ['Client was closed and is not queryable', AWAY],
    ['timeout exceeded when trying to connect', CROWDED],
    ['the database system is starting up', AWAY],
  ])('without a code, "%s", is known by what it says', (message, sentence) => {
    expect(databaseFaultOf(new DriverException(new Error(message)))).toMatch(sentence);
  });

  it('is about a connection that cannot be made, for whatever reason: it is away', async () => {
    const client = new Client({ host: '/nowhere' });
    const error: unknown = await client.connect().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect(databaseFaultOf(new DriverException(error as Error))).toMatch(AWAY);
    expect(databaseFaultOf(Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' }))).toBeUndefined();
  });

  it('is lost to others when it is a deadlock or a serialization failure, and nothing else is', () => {
    const lost = [...PASSES, ...STAYS].map(([code]) => code).filter((code) => lostToOthers(new DriverException(withCode(code))));
    expect(lost).toEqual(['40001', '40P01']);
    expect(lostToOthers(new DomainError('conflict', 'No.', { cause: withCode('40P01') }))).toBe(true);
  });
});

it.each([undefined, null, 'hunter2', 7, {}, new Error('bug'), new DomainError('not_found', 'No.')])('%p is none of the database', (thrown) => {
  expect([databaseFaultOf(thrown), lostToOthers(thrown)]).toEqual([undefined, false]);
});
