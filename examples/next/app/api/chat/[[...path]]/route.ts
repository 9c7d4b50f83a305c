import { streamText } from "ai";
import { type ChatTurn, chatHandler } from "chatkeep/ai-sdk";
import { userIdOf } from "../../../../lib/auth.ts";
import { replies } from "../../../../lib/chats.ts";
import { model } from "../../../../lib/model.ts";

const generate = ({ messages, signal }: ChatTurn) => streamText({ model, messages, abortSignal: signal });
export const POST = chatHandler({ replies, getUserId: userIdOf, generate });
export const GET = POST;
