import { systemRandom } from '#libs/kernel';
import { createKeyPair, parseTrustedKeys } from './index.js';

const answer = (data: unknown) => Buffer.from(JSON.stringify({ server: { name: 'nats-hub' }, data }));

describe('what a server says of the operator that it trusts', () => {
  const [first, second] = [createKeyPair('operator', systemRandom).publicKey, createKeyPair('operator', systemRandom).publicKey];

  it('is the signing keys of the operator’s claims', () => {
    const claims = { iss: first, nats: { signing_keys: [first, second], type: 'operator', version: 2 } };
    expect(parseTrustedKeys(answer({ trusted_operators_claim: [claims] }))).toEqual([first, second]);
  });

  it('is nothing, where the claims name no signing keys', () => {
    expect(parseTrustedKeys(answer({ trusted_operators_claim: [{ nats: { type: 'operator' } }] }))).toEqual([]);
  });

  it('leaves out what is no key of an operator', () => {
    const { publicKey: account } = createKeyPair('account', systemRandom);
    const claims = { nats: { signing_keys: [account, 5, second] } };
    expect(parseTrustedKeys(answer({ trusted_operators_claim: [claims] }))).toEqual([second]);
  });

  it.each([
    ['without claims, as of a server that is in no operator mode', answer({})],
    ['of another shape', Buffer.from('[]')],
    ['that is no JSON', Buffer.from('x')],
  ])('is refused in an answer %s', (_what, payload) => {
    expect(() => parseTrustedKeys(payload)).toThrow(expect.objectContaining({ code: 'hub_unreachable' }));
  });
});
