/** The client of the server that this page is from. */
import { createClient } from "chatkeep/client";

export const client = createClient();
