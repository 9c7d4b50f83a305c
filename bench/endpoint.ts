/** The model of `replies.ts`, in a process of its own, so that its time is not the servers'. */
import { startSpeakingEndpoint } from "../packages/server/test/helpers/speaking-endpoint.ts";

const endpoint = await startSpeakingEndpoint(Number(process.argv[2]));
process.send?.(endpoint.environment);
