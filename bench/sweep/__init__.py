"""The sweep: plan what to code and measure, then execute the plan."""
