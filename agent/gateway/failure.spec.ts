import { status } from '@grpc/grpc-js';
import { failureOf } from './failure.js';

const gateway = { address: 'gateway.example.com:50052', serverName: 'agent-gateway.serviceradar' };
const of = (code: status, details: string) => failureOf(Object.assign(new Error(details), { code, details }), gateway);

describe('a call that failed', () => {
  it.each([
    [status.UNAVAILABLE, 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1', 'unreachable'],
    [status.UNAVAILABLE, 'Name resolution failed for target dns:gateway.example.com:50052', 'unreachable'],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded after 10.002s', 'unreachable'],
    [status.UNAVAILABLE, 'No connection established. Last error: certificate has expired', 'clock'],
    [status.UNAVAILABLE, 'No connection established. Last error: certificate is not yet valid', 'clock'],
    [status.UNAVAILABLE, 'No connection established. Last error: unable to get local issuer certificate', 'untrusted'],
    [status.UNAVAILABLE, 'No connection established. Last error: self-signed certificate in certificate chain', 'untrusted'],
    [status.UNAVAILABLE, "No connection established. Last error: Hostname/IP does not match certificate's altnames: Host: x", 'untrusted'],
    [status.UNAVAILABLE, 'No connection established. Last error: ssl3_read_bytes:tlsv1 alert unknown ca', 'refused'],
    [status.UNAUTHENTICATED, 'The certificate was revoked.', 'refused'],
    [status.FAILED_PRECONDITION, 'The package was not delivered.', 'refused'],
    [status.INTERNAL, 'Something went wrong.', 'failed'],
  ])('is told apart (%s, %s)', (code, details, kind) => expect(of(code, details).kind).toBe(kind));

  it('says what the gateway has said, and where it was looked for', () => {
    expect(of(status.UNAUTHENTICATED, 'The certificate was revoked.').sentence).toBe('The gateway refuses this agent: The certificate was revoked.');
    expect(of(status.UNAVAILABLE, 'connect ECONNREFUSED').sentence).toContain(gateway.address);
  });

  it('is the gateway’s own affair when there is a connection', () => {
    const error = Object.assign(new Error(), { code: status.UNAVAILABLE, details: 'The hub cannot be reached right now. Try again.' });
    expect(failureOf(error, gateway, true)).toEqual({ kind: 'failed', sentence: `The gateway at ${gateway.address} cannot do what it is asked right now: ${error.details}` });
  });

  it('may be anything', () => {
    expect(failureOf('gone', gateway)).toEqual({ kind: 'failed', sentence: `The gateway at ${gateway.address} answered: gone` });
  });
});
