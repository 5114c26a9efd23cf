"""What keeps the contract honest: snapshots, the compatibility gate, the AsyncAPI document. No service imports it."""
