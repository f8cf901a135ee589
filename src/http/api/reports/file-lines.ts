import type { OutputFile, OutputSink } from '../../../index.ts'
import type { Give } from '../handed.ts'

/** Files that are made at the other end, line by line. Where they fail, the answer ends with why. */
export function linesSink(give: Give<object>): OutputSink {
  return {
    open: async (name): Promise<OutputFile> => {
      await give({ file: name })
      return {
        write: (piece) => give({ of: name, bytes: Buffer.from(piece).toString('base64') }),
        end: () => give({ end: name }),
        abort: async () => undefined,
      }
    },
  }
}

/** A file that is all of an answer. Where it fails, the answer is cut off. */
export function bytesFile(give: Give<Uint8Array>): OutputFile {
  return { write: give, end: async () => undefined, abort: async () => undefined }
}

/** For what is written and not asked for. */
export const nowhere: OutputFile = {
  write: async () => undefined,
  end: async () => undefined,
  abort: async () => undefined,
}
