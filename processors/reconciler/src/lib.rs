//! The reconciler: signed payment events and order snapshots in, status changes and gaps out.
