/** Response headers as undici gives them: lower-case names; repeated headers as arrays. */
export type ResponseHeaders = Record<string, string | string[] | undefined>;
