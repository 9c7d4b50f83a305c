/** Whether this is `npm run test:long`, which proves also what is heavy and seldom breaks; `npm test` reports that as skipped. */
export const isLong = process.env["CHATKEEP_LONG"] === "1";
