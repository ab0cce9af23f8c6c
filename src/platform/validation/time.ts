/** RFC 3339, section 5.6; ISO 8601 knows weeks and ordinal dates besides, which Date does not. */
export const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
