/** The products whose exports can be imported, as people call them. */
export const productNames =
  "ChatGPT, Claude, Gemini, Grok, DeepSeek, Copilot, Vibe (Le Chat), Open WebUI, LibreChat, LobeHub, the AI SDK, ShareGPT, Open Assistant and chatkeep";
