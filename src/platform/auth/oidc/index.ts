export { looksLikeJwt } from './access-token.js';
export * from './people.js';
export type { RefusedPerson } from './person.js';
