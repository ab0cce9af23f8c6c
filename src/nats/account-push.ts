export const ACCOUNTS_QUEUE = 'nats-accounts';

/** Push the newest JWT of this account to the hub. */
export interface AccountPush {
  accountId: string;
}
