/** Pages of Mastra's lists: which is meant, and what of a list is on it. */
import { InvalidInputError } from "../../errors.ts";

export interface PageWanted {
  page?: number | undefined;
  perPage?: number | false | undefined;
}

/** Which entries, by their place in the list. */
export interface Stretch {
  page: number;
  perPage: number | false;
  from: number;
  to: number;
}

/** @throws invalid_input */
export function stretchOf({ page = 0, perPage = 0 }: PageWanted): Stretch {
  if (!Number.isSafeInteger(page) || page < 0) throw new InvalidInputError("page must be a whole number from 0 on.");
  if (perPage === false) {
    if (page > 0) throw new InvalidInputError("page must be 0 when perPage is false, which gives everything.");
    return { page, perPage, from: 0, to: Number.POSITIVE_INFINITY };
  }
  if (!Number.isSafeInteger(perPage) || perPage < 0) {
    throw new InvalidInputError("perPage must be a whole number from 0 on, or false for everything.");
  }
  if (!Number.isSafeInteger((page + 1) * perPage)) throw new InvalidInputError("page is too large.");
  return { page, perPage, from: page * perPage, to: (page + 1) * perPage };
}
