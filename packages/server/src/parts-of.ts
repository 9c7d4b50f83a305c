/** What the store of this server keeps of a reply whose server died. */
import { aiSdkCodec } from "chatkeep/ai-sdk";
import { partsOf as partsOfCodec } from "chatkeep/replies";

export const partsOf = partsOfCodec(aiSdkCodec);
