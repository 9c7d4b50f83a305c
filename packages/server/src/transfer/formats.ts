/** The formats that can be imported; each has its reader in import.ts. */
export const formats = ["oasst"] as const;

export type Format = (typeof formats)[number];
