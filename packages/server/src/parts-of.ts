/** What the store of this server keeps of a reply whose server died. */
import { aiSdkCodec } from "chatkeep/ai-sdk";
import { partsOf as partsOfCodec } from "chatkeep/replies";

/** What `createStore` must be given for this server, so that a reply whose server died keeps its words. */
export const partsOf = partsOfCodec(aiSdkCodec);
