import { labelOfReason } from './disconnect-reason.js';

describe('the label of a reason to disconnect', () => {
  it.each([
    ['Client Closed', 'closed'],
    ['Stale Connection', 'stale'],
    ['Credentials Revoked', 'revoked'],
    ['Server Shutdown', 'server_shutdown'],
    [null, 'none'],
  ])('of %j is %s', (reason, label) => {
    expect(labelOfReason(reason)).toBe(label);
  });

  it.each(['', 'Taken By Aliens', 'constructor', 'a"b\n'])('is "other" for %j, which nobody knows', (reason) => {
    expect(labelOfReason(reason)).toBe('other');
  });
});
