/** Why a message was not sent, in a sentence that the tenant is shown. It holds no secret, and tells of no network but the tenant's own. */
export class NotSent extends Error {
  /** @param isFinal whether trying again would come to the same */
  constructor(
    message: string,
    readonly isFinal = false,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
