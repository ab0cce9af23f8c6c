/** What runs on one machine calls from one address, as fast as it can. */
export const UNLIMITED = {
  RATE_LIMIT_KEY: '0',
  RATE_LIMIT_ADDRESS: '0',
  RATE_LIMIT_DOWNLOAD: '0',
  RATE_LIMIT_AUTHENTICATION: '0',
  GATEWAY_RATE_LIMIT: '0',
};
