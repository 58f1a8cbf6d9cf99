"""The contract between the processes of Sixfold: protobuf packages, flow batches, subjects."""
