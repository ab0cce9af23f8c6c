/** One for what the service starts and for what the laboratory does. */
export { freePort } from '../src/platform/embedded/free-port.js';
