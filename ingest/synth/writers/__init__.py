"""Writers of the real file formats: contract-shaped plain frames in, the bytes of a source file out."""
