/** On a handler: the action of the audit row that says that it is done. */
export const ACTION = 'idempotent action';

/** The mark in OpenAPI, until the document is built. */
export const IDEMPOTENT_EXTENSION = 'x-idempotent';
