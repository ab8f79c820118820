/** What a request without time left is answered. */
export const refusal = {
  status: 504,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "the deadline of this request is over\n",
} as const;
