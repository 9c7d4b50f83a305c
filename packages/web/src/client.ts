/** The client of the server that this page is from. */
import { type Client, createClient } from "chatkeep/client";
import { keptFetch } from "./offline/kept.ts";

// Through a `fetch` of one's own nobody is told how far a file is.
const { files, importFile } = createClient();

export const client: Client = { ...createClient({ fetch: keptFetch }), files, importFile };
