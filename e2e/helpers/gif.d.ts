declare module "gifenc" {
  interface Frame {
    palette: number[][];
    transparent: boolean;
    transparentIndex: number;
    delay: number;
    dispose: number;
  }
  const gifenc: {
    GIFEncoder(): {
      writeFrame(index: Uint8Array, width: number, height: number, frame: Frame): void;
      finish(): void;
      bytes(): Uint8Array;
    };
    quantize(rgba: Uint8Array, colors: number): number[][];
    applyPalette(rgba: Uint8Array, palette: number[][]): Uint8Array;
  };
  export = gifenc;
}

declare module "pngjs" {
  export const PNG: { sync: { read(bytes: Buffer): { data: Buffer; width: number; height: number } } };
}
