/** esbuild's `binary` loader puts the bytes of a .wasm file into the bundle: no file is looked for at run time. */
declare module "*.wasm" {
  const bytes: Uint8Array;
  export default bytes;
}
