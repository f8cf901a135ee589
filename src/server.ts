export { type AppOptions, createApp } from './http/app.ts'
export { serveControl } from './http/control/serve.ts'
export { type Listening, type ListenOptions, listen, type TlsFiles } from './http/listen.ts'
export {
  embedded,
  type Initialised,
  type SealStatus,
  type Served,
  type ServedState,
} from './http/served.ts'
export { ServedFolder, type ServedFolderOptions } from './http/served-folder.ts'
