"""What every room stands on: settings, deadlines, clock, log, pools."""
